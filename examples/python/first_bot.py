"""The smallest agent: a function that takes an observation and returns an action.

evalengine run first_bot.py --games connect4
"""


def act(observation):
    # The legal actions are a list; in connect4 the one in the middle is the open column nearest to the centre.
    return observation.legal[len(observation.legal) // 2]
