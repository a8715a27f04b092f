"""Computes how deep a pickle nests tuples, as Python hashes them by recursion in C."""

from pickletools import OpcodeInfo, markobject

DEEPEST = 100  # tuples within tuples; a state of tensors has four
_TUPLES = ('TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3')
_PUTS = ('PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE')
_GETS = ('GET', 'BINGET', 'LONG_BINGET')
_STAY = ('APPEND', 'APPENDS', 'SETITEM', 'SETITEMS', 'ADDITEMS', 'BUILD')  # what they are done to
_PASS = ('DUP', 'PERSID', 'BINPERSID')  # may return what they are given
_MARK = -1


class Depths:
    """Follows the operations of a pickle on its stack, of which only depths are kept.

    The depth of a tuple is 1 more than that of the deepest object in it; of anything else it
    is 0, as Python's hash of it does not look into it.
    """

    def __init__(self):
        self._stack: list[int] = []
        self._memo: dict[int, int] = {}

    def note(self, operation: OpcodeInfo, argument):
        """Takes the next operation.

        Raises:
            ValueError: a tuple nested too deep, or an operation that lacks its operands.
        """
        name = operation.name
        if name in _PUTS:
            depth = self._operand()
            self._memo[len(self._memo) if name == 'MEMOIZE' else argument] = depth
            self._stack.append(depth)
        elif name in _GETS:
            self._stack.append(self._memo.get(argument, 0))
        elif name == 'POP':
            self._pop()  # a mark too
        else:
            depth = self._depth(name, self._operands(operation))
            made = operation.stack_after
            self._stack += [_MARK if thing is markobject else depth for thing in made]

    def _depth(self, name: str, operands: list[int]) -> int:
        """Returns the depth of what an operation makes of operands of these depths."""
        if name in _TUPLES:
            depth = 1 + max(operands, default=0)
            if depth > DEEPEST:
                raise ValueError(f'tuples nested more than {DEEPEST} deep')
            return depth
        if name in _STAY:
            return operands[-1]
        return max(operands, default=0) if name in _PASS else 0

    def _operands(self, operation: OpcodeInfo) -> list[int]:
        """Takes the operands of an operation off the stack, the topmost first."""
        needed, taken = list(operation.stack_before), []
        if markobject in needed:
            while (depth := self._pop()) != _MARK:
                taken.append(depth)
            needed = needed[: needed.index(markobject)]
        return taken + [self._operand() for _ in needed]

    def _operand(self) -> int:
        depth = self._pop()
        if depth == _MARK:
            raise ValueError('an operation without its operands')
        return depth

    def _pop(self) -> int:
        if not self._stack:
            raise ValueError('an operation without its operands')
        return self._stack.pop()
