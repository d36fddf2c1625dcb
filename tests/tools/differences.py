"""What tests that compare us with the kernel share: shrinking a difference, and those that are known."""
import re
import sys


def shrink(parts, beyond, differs):
    """The parts, of so many, that can be left out while differs(those left out) still holds; beyond: those that nothing hangs on."""
    left_out = list(beyond)
    for i in reversed(range(parts)):
        if i not in left_out and differs(left_out + [i]):
            left_out.append(i)
    return left_out


class Expected:
    """A file of lines KERNEL'S SIDE | OURS | REASON, the first two regular expressions."""

    def __init__(self, path):
        self.rows = []
        for number, line in enumerate(open(path), 1):
            line = line.strip()
            if line and not line.startswith("#"):
                parts = [part.strip() for part in line.split(" | ")]
                if len(parts) != 3:
                    sys.exit("%s:%d: not KERNEL'S LINE | OURS | REASON" % (path, number))
                self.rows.append((re.compile(parts[0]), re.compile(parts[1])))

    def listed(self, found):
        return any(a.fullmatch(found[0]) and b.fullmatch(found[1]) for a, b in self.rows)
