"""An agent as Kaggle's connectx takes it, unchanged: the last function, called with observation and configuration.

evalengine run kaggle_style.py --games connect4
"""


def drop(board, column, mark, configuration):
    """Return the board after a disc in `column`; cells row by row from the top, 0 empty."""
    after = list(board)
    for row in reversed(range(configuration.rows)):
        if after[row * configuration.columns + column] == 0:
            after[row * configuration.columns + column] = mark
            break
    return after


def wins(board, mark, configuration):
    """Say whether `mark` has enough discs in a line."""
    columns, rows, inarow = configuration.columns, configuration.rows, configuration.inarow
    for row in range(rows):
        for column in range(columns):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                last_row, last_column = row + down * (inarow - 1), column + right * (inarow - 1)
                if last_row >= rows or not 0 <= last_column < columns:
                    continue
                cells = ((row + step * down) * columns + column + step * right for step in range(inarow))
                if all(board[cell] == mark for cell in cells):
                    return True
    return False


def my_agent(observation, configuration):
    """Win at once, else stop the other from doing so, else play near the centre."""
    board, mark = observation.board, observation.mark
    columns = [column for column in range(configuration.columns) if board[column] == 0]
    for who in (mark, 3 - mark):
        for column in columns:
            if wins(drop(board, column, who, configuration), who, configuration):
                return column
    return min(columns, key=lambda column: abs(2 * column - configuration.columns + 1))
