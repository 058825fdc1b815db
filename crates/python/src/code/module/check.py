"""Reads modules as JSON lines and compares what Python makes of them with what was meant."""

import ast
import json
import sys

TYPING = {"Any", "Dict", "List", "Literal", "Optional", "Union", "str", "int", "float", "bool"}
PLAIN = (ast.Name, ast.Subscript, ast.Tuple, ast.Constant, ast.Load, ast.UnaryOp, ast.USub)


def check_function(case):
    compile(case["source"], "<tool>", "exec")
    body = ast.parse(case["source"]).body
    assert [type(node) for node in body] == [ast.ImportFrom] * 3 + [ast.FunctionDef], body
    assert [node.module for node in body[:3]] == ["__future__", "typing", None]
    function = body[3]
    assert function.name == case["function"] and not function.decorator_list
    assert ast.get_docstring(function, clean=False) == case["documentation"]
    assert [type(node) for node in function.body] == [ast.Expr, ast.Return], function.body
    arguments = function.args
    assert not arguments.posonlyargs and not arguments.kwonlyargs and not arguments.vararg
    assert all(isinstance(default, ast.Constant) and default.value is None for default in arguments.defaults)
    for argument in arguments.args:
        for node in ast.walk(argument.annotation):
            assert isinstance(node, PLAIN), ast.dump(node)
            assert not isinstance(node, ast.Name) or node.id in TYPING, node.id
    call = function.body[1].value
    assert isinstance(call, ast.Call) and call.func.id == "_call" and not call.keywords
    name, required, optional = call.args
    assert name.value == case["call_name"]
    keys = []
    for dictionary in (required, optional):
        assert all(isinstance(value, ast.Name) for value in dictionary.values)
        keys += [key.value for key in dictionary.keys if key is not None]
    assert sorted(keys) == sorted(case["properties"]), keys
    assert [key.value for key in required.keys if key is not None] == case["required"]


def check_package(case):
    compile(case["source"], "<package>", "exec")
    body = ast.parse(case["source"]).body
    assert isinstance(body[0], ast.Expr) and isinstance(body[-1], ast.Assign)
    assert all(isinstance(node, ast.ImportFrom) and node.level == 1 for node in body[1:-1])
    assert isinstance(ast.literal_eval(body[-1].value), list)


count = 0
for line in sys.stdin:
    case = json.loads(line)
    try:
        (check_package if case["kind"] == "package" else check_function)(case)
    except BaseException as error:
        print(type(error).__name__, error, "\n" + case["source"])
        sys.exit(1)
    count += 1
print(count)
