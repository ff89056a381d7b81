"""calculate: arithmetic on numbers, exact in decimal, by an evaluator that knows nothing but arithmetic."""

import ast
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Context, Decimal, DecimalException, localcontext

from pydantic import Field

from secretariat.agents.core import TaskEvent, ToolName
from secretariat.agents.errors import ToolFailedError
from secretariat.agents.tools.spec import Arguments, Invocation, Outcome

MOST_CHARACTERS = 200
_MOST_NODES = 100
_LARGEST_EXPONENT = 100
_ARITHMETIC = Context(prec=28, Emax=400, Emin=-400)
_SHOWN_DIGITS = 12
_NO_VALUE = "it divides by zero or a number is too large"

_Binary = Callable[[Decimal, Decimal], Decimal]
_BINARY: Mapping[type[ast.operator], _Binary] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}


class CalculateArguments(Arguments):
    expression: str = Field(min_length=1, max_length=MOST_CHARACTERS)


class CalculateTool:
    name: ToolName = "calculate"
    arguments: type[Arguments] = CalculateArguments
    has_effect = False

    async def act(self, invocation: Invocation[CalculateArguments]) -> AsyncIterator[TaskEvent | Outcome]:
        expression = invocation.arguments.expression
        value = shown(calculate(expression))
        yield Outcome({"expression": expression, "value": value}, f"{expression} = {value}")


def calculate(expression: str) -> Decimal:
    """Numbers, + - * / **, parentheses, `%` for hundredths, round, min and max. Raises ToolFailedError."""
    if len(expression) > MOST_CHARACTERS:
        raise ToolFailedError(f"An expression has at most {MOST_CHARACTERS} characters.")
    try:
        tree = ast.parse(_percentages(expression.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolFailedError(f"{expression!r} isn't arithmetic.") from error
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise ToolFailedError("The expression has too many parts.")
    try:
        with localcontext(_ARITHMETIC):
            value = _value(tree.body)
    except DecimalException as error:
        raise ToolFailedError(f"{expression!r} has no value: {_NO_VALUE}.") from error
    if not value.is_finite():
        raise ToolFailedError(f"{expression!r} has no value: {_NO_VALUE}.")
    return value


def shown(value: Decimal) -> str:
    """Plain digits, at most twelve of them significant, no exponent for everyday sizes."""
    rounded = Context(prec=_SHOWN_DIGITS).create_decimal(value).normalize()
    return f"{rounded:f}" if abs(rounded.adjusted()) < 2 * _SHOWN_DIGITS else f"{rounded}"


def _percentages(expression: str) -> str:
    """A percent sign means hundredths, never a remainder: "15% * 80" is 12."""
    return expression.replace("%", "*(1/100)").replace("×", "*").replace("÷", "/").replace("^", "**")


def _value(node: ast.expr) -> Decimal:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return Decimal(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
            return _BINARY[type(operator)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if arguments:
            return _called(name, [_value(argument) for argument in arguments])
    raise ToolFailedError("Only numbers, + - * / **, parentheses, %, round, min and max can be calculated.")


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > _LARGEST_EXPONENT:
        raise ToolFailedError(f"Exponents go up to {_LARGEST_EXPONENT}.")
    return base**exponent


def _called(name: str, values: list[Decimal]) -> Decimal:
    if name in {"min", "max"}:
        return min(values) if name == "min" else max(values)
    if name == "round" and len(values) <= 2:
        places = int(values[1]) if len(values) == 2 else 0
        if abs(places) <= _SHOWN_DIGITS:
            return round(values[0], places)
    raise ToolFailedError(f"There is no function {name!r} here: round, min and max are.")
