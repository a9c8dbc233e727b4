#!/usr/bin/env python3
"""Fails where files of a crate use each other in a circle.

  hack/circles.py [CRATE…]     all crates of the workspace unless some are named

A file uses another where a path in it (`crate::…`, `super::…`, `self::…`, or a child module's name) leads to that file's module.
That a module declares its children is no use of them, nor is that it re-exports them by `pub use`. Tests do not count.
Prints each circle with the paths that close it. Exit status: 0 there is none, 1 there are some.
"""
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TEST_MODULE = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[[^\n]*\]\n)*(?:pub(?:\([^)]*\))? )?mod (\w+)(;| \{)", re.M)
DECLARATION = re.compile(r"^(?:pub(?:\([^)]*\))? )?mod (\w+);", re.M)
USE = re.compile(r"^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]+);", re.M)
PATH = re.compile(r"(?<![\w:])((?:crate|super|self)(?:::\w+)+)")
COMMENT = re.compile(r"//[^\n]*")


def leaves(tree, prefix=()):
    """The paths that a use declaration names, as tuples."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        return [prefix + tuple(part.strip() for part in tree.split(" as ")[0].split("::"))]
    prefix += tuple(part.strip() for part in head.split("::") if part.strip())
    depth, item, found = 0, "", []
    for char in rest[: rest.rindex("}")] + ",":
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if item.strip():
                found += leaves(item, prefix)
            item = ""
        else:
            item += char
    return found


def module_of(path):
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts


def uses(crate):
    """For each file of a crate, the files that it uses: {file: {file: {path}}}."""
    source = TOP / crate / "src"
    files, texts, tests = {}, {}, set()
    for file in sorted(source.rglob("*.rs")):
        path = file.relative_to(source)
        text = file.read_text()
        for found in TEST_MODULE.finditer(text):
            if found[2] == ";":
                tests.add(module_of(path) + (found[1],))
        inline = next((found for found in TEST_MODULE.finditer(text) if found[2] == " {"), None)
        texts[path] = COMMENT.sub("", text[: inline.start()] if inline else text)
        files[module_of(path)] = path
    arrows = {}
    for module, path in files.items():
        if any(module[: len(test)] == test for test in tests) or path.name.endswith("tests.rs"):
            continue
        text, named = texts[path], []
        children = set(DECLARATION.findall(text))
        for visible, tree in USE.findall(text):
            for segments in leaves(tree):
                whole = absolute(segments, module, children) or ()
                if not (visible and whole[: len(module)] == module):
                    named.append(segments)
        code = USE.sub("", text)
        named += [tuple(found.split("::")) for found in PATH.findall(code)]
        for child in children:
            if re.search(rf"(?<![\w:.]){child}::\w", code):
                named.append((child, "…"))
        for segments in named:
            whole = absolute(segments, module, children)
            if whole is None:
                continue
            for length in range(len(whole), -1, -1):
                if whole[:length] in files:
                    target = files[whole[:length]]
                    if target != path and whole[:length] != ():
                        arrows.setdefault(path, {}).setdefault(target, set()).add("::".join(segments))
                    break
    return arrows


def absolute(segments, module, children):
    first, rest = segments[0], segments[1:]
    if first == "crate":
        return rest
    if first == "self":
        return module + rest
    if first == "super":
        base = module
        while segments and segments[0] == "super":
            base, segments = base[:-1], segments[1:]
        return base + segments
    return module + segments if first in children else None


def circles(arrows):
    """Tarjan's strongly connected components of more than one file."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in arrows.get(node, {}):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            part = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(part) > 1:
                found.append(sorted(part))

    for node in list(arrows):
        if node not in index:
            visit(node)
    return found


def main():
    sys.setrecursionlimit(10_000)
    crates = sys.argv[1:] or sorted(path.parent.parent.name for path in TOP.glob("*/src/lib.rs"))
    status = 0
    for crate in crates:
        arrows = uses(crate)
        for circle in circles(arrows):
            status = 1
            print(f"{crate}: {len(circle)} files use each other in a circle:")
            for file in circle:
                for target in circle:
                    if target in arrows.get(file, {}):
                        print(f"  {file} -> {target}: {', '.join(sorted(arrows[file][target]))}")
    sys.exit(status)


main()
