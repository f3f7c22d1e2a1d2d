#!/bin/sh
# An agent as a shell script: takes the first legal action.
#
#     evalengine run "plain:sh first.sh" --games tictactoe
#
while read -r word rest; do
    case $word in
        legal) action=${rest%% *} ;;
        go) echo "$action" ;;
    esac
done
