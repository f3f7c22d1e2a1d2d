"""Looks at source that strangers sent, without running it, in a process of its own: a parser may die of what it reads.

Needs nothing but the standard library. Input: a JSON object of file names and texts. Output: {"entry": name}, or
{"error", "file", "line"}.
"""

import ast
import json
import resource
import sys

NAMES = ("agent", "Agent", "act")
ENTRIES = ("agent.py", "main.py")


def look(files: dict[str, str]) -> dict[str, object]:
    """Return what there is to say of an agent's files."""
    trees = {}
    for name, text in files.items():
        if name.endswith(".py"):
            try:
                trees[name] = ast.parse(text, filename=name)
            except SyntaxError as error:
                told = f"{type(error).__name__}: {error.msg}"
                return {"error": told, "file": name, "line": error.lineno}
            except (ValueError, RecursionError, MemoryError) as error:
                return {"error": str(error) or type(error).__name__, "file": name, "line": None}
    top = [name for name in trees if "/" not in name]
    entry = next((name for name in ENTRIES if name in top), top[0] if len(top) == 1 else None)
    if entry is None:
        return {"error": "there is no agent.py and no main.py", "file": None, "line": None}
    if not may_play(trees[entry]):
        told = "there is no agent: define act(observation) or class Agent"
        return {"error": told, "file": entry, "line": None}
    return {"entry": entry}


def may_play(tree: ast.Module) -> bool:
    """Say whether a module may define an agent; only what certainly does not is refused."""
    for node in tree.body:
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.Match):
            return True
        if isinstance(node, ast.FunctionDef) and len(node.args.posonlyargs) + len(node.args.args) in {1, 2}:
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in NAMES:
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any((alias.asname or alias.name) in {*NAMES, "*"} for alias in node.names):
                return True
        elif any(isinstance(leaf, ast.Name) and leaf.id in NAMES for leaf in ast.walk(node)):
            return True
    return False


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (4, 4))
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(look(json.load(sys.stdin)), sys.stdout)
