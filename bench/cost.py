#!/usr/bin/env python3
"""What a packet and an idle connection cost in the stack: bench/cost.py [BUILD]. Writes that section of docs/performance.md; `make bench` runs it too."""
import argparse
import os
import re

from throughput import DOCS, output, splice

TITLE = "## What a packet and a connection cost in the stack"
TEXT = TITLE + """

Processor time, on one thread and without a system call: out of one stack, over the link, into another, with the copies to and from the program. The median
of five turns; lwIP is Debian's (liblwip 2.1.3), on the same link code.

| from, to | a packet | a segment of text, with its share of ACKs | |
|---|---|---|---|
{rows}

{lwip}

An idle established connection takes {each:,} octets for each of its ends ({ends:,} ends in the stacks, counted by the allocator; the bar is 2.2 KiB).
"""


def write(build, out):
    rows, lwip = [], ""
    for line in output([build + "/bench/stack-cost"]).splitlines():
        if m := re.match(r"(.*), (\d+) = (\d+) ns a packet, (\d+) ns a segment, (\d+) MB/s", line):
            rows.append(f"| {m[1]}, {int(m[2]):,} octets | {int(m[3]):,} ns | {int(m[4]):,} ns | {int(m[5]):,} MB/s |")
        elif m := re.match(r"lwIP to lwIP, reckoned = (\d+) ns", line):
            lwip = f"lwIP at both ends, as the sum of its two rows without ours: {int(m[1]):,} ns a segment."
        else:
            lwip = line
    m = re.match(r"(\d+) ends of idle connections, (\d+) octets each", output([build + "/tests/sim/million"]))
    path = os.path.join(out, "performance.md")
    with open(path, encoding="utf-8") as f:
        page = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(splice(page, TITLE, TEXT.format(rows="\n".join(rows), lwip=lwip, ends=int(m[1]), each=int(m[2]))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=DOCS)
    parser.add_argument("build", nargs="?", default="build")
    args = parser.parse_args()
    write(os.path.abspath(args.build), args.out)
