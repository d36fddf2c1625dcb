"""What stands in docs/performance.md and its picture."""
import os
import platform
import statistics
import subprocess
from html import escape

import cost
import throughput

HEAD = """# How fast it is

Made by `make bench`; figures are a report of one run on one machine, not a promise. Each is the median of up to {rounds} rounds, with the smallest and the
largest in brackets. The three systems took turns in every round: the kernel's own loopback, sockland on one virtual host, and sockland between two
hosts on a switch, which the kernel's loopback stands beside as well. Client, server and engine may use the cores of the placement and no other.

× is how many times as fast as the kernel's: above 1 is faster. The processor time is that of all processes together (the engine's with them), in µs
for one round trip, call or connection. {unix}

{machine}

![How many times as fast as the kernel's loopback](performance.svg)
"""
UNIX = "AF_UNIX on sockland is the network's own; with `--kernel-unix` it would be the kernel's, passed through."
WHY = """## What is slower, and why

* **UDP** over links that are impaired or looked at, and the first datagram to each name: a control call, because its errors belong to the very call;
  the engine, a process of its own, has to run for each one. (What is measured here goes from program to program: ARCHITECTURE.md.)
* **Connections**, where all share one core: connect is a control call, and an end is told to the engine, whose TCP then sees every segment of the
  handshake and of the end, as packets, timers and captures need them. The calls lie in shared memory, so what each costs is a change to the engine's
  process and back: nothing to speak of while that has a core of its own and is awake, about 5 µs when it has to be woken. Linux does the same work in the
  caller; where that takes it less than some 20 µs, it is ahead on one core with TCP, too. What needs no answer is not waited for (usual options, watching
  for epoll, closing), who reads hears of the peer's close from its program, anchors are used again, and where a program has one to spare its next
  connection is accepted ahead (docs/internals/descriptors.md).
* **A program's start**: the library is loaded and libc's entries are overwritten, in each process anew.
* **AF_UNIX**: connect is a control call, as with TCP, beside which the kernel's is cheap. While nobody has accepted, and when the other end
  is closed, what a read finds stands in shared memory.
"""
ORDER = {"kernel": "kernel", "host": "one host", "hosts": "two hosts"}


def number(v):
    if v is None:
        return ""
    if v >= 1000:
        return f"{v:,.0f}"
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 10 else f"{v:.2f}"


def spread(samples):
    if not samples:
        return "–"
    values = [s.value for s in samples]
    text = f"**{number(statistics.median(values))}**"
    return text + (f" ({number(min(values))}…{number(max(values))})" if len(values) > 1 else "")


def processor(samples):
    values = [s.processor for s in samples or [] if s.processor is not None]
    return number(statistics.median(values)) if values else ""


def factor(row, by_system, system):
    if not row.compared or not by_system.get("kernel") or not by_system.get(system):
        return None
    ours, theirs = (statistics.median(s.value for s in by_system[k]) for k in (system, "kernel"))
    if not ours or not theirs:
        return None
    return theirs / ours if row.less_is_better else ours / theirs


def times(f):
    return "" if f is None else f"{f:.2f}" if f < 10 else f"{f:.1f}"


def beside(row, by_system):
    """What the kernel holds for them, which is nobody's user memory."""
    parts = []
    for system, samples in by_system.items():
        values = [s.beside for s in samples if s.beside is not None]
        if values:
            parts.append(f"{ORDER[system]} {number(max(0, statistics.median(values)))}")
    return f"KiB of kernel slab a connection, {row.name.split(', ')[-1]}: {', '.join(parts)}." if parts else ""


def tables(rows, name, cores, results):
    out, group, notes = [f"## On {name} (CPU {', '.join(map(str, cores))})", ""], None, []
    for row in rows:
        by_system = results.get(row.name)
        if not by_system:
            continue
        if row.group != group:
            group = row.group
            out += ["", f"### {group}", "", "| | | kernel | one host | × | two hosts | × | processor: kernel, one host, two hosts |",
                    "|---|---|---|---|---|---|---|---|"]
        cells = [row.name, row.unit, spread(by_system.get("kernel"))]
        for system in ("host", "hosts"):
            cells += [spread(by_system.get(system)), times(factor(row, by_system, system))]
        cells.append(", ".join(filter(None, (processor(by_system.get(s)) for s in ORDER))))
        out.append("| " + " | ".join(cells) + " |")
        notes.append(beside(row, by_system))
    return "\n".join(out + [""] + [n for n in notes if n]) + "\n"


def machine():
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "")
    except OSError:
        pass
    virtual = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True, check=False).stdout.strip() if os.path.exists(
        "/usr/bin/systemd-detect-virt") else ""
    load = os.getloadavg()[0]
    parts = [model, f"{os.cpu_count()} CPUs", f"Linux {platform.release()}", f"virtual machine ({virtual})" if virtual not in ("", "none") else ""]
    return f"The machine: {', '.join(p for p in parts if p)}; load at the end of the run {load:.1f}."


# ---- the picture: a bar for each factor, on a logarithmic scale with 1 in the middle ----

WIDTH, LABEL, ROW_HEIGHT, EDGE = 900, 330, 22, 0.1
SPAN = 3.0                      # decades from EDGE on
COLOURS = {"host": "#2a6f97", "hosts": "#89c2d9"}


def x_of(f):
    import math
    decade = min(max(math.log10(f / EDGE), 0), SPAN)
    return LABEL + (WIDTH - LABEL - 60) * decade / SPAN


def bar(y, f, colour):
    x0, x1 = sorted((x_of(1), x_of(f)))
    return (f'<rect x="{x0:.1f}" y="{y}" width="{max(x1 - x0, 1):.1f}" height="8" fill="{colour}"/>'
            f'<text x="{max(x1, x_of(1)) + 4:.1f}" y="{y + 8}" font-size="9" fill="#444">{times(f)}</text>')


def panel(rows, name, results, y):
    out = [f'<text x="10" y="{y + 16}" font-weight="bold">{escape(name)}</text>']
    y += 26
    top = y
    for row in rows:
        by_system = results.get(row.name) or {}
        factors = {s: factor(row, by_system, s) for s in COLOURS}
        if not any(factors.values()):
            continue
        out.append(f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(row.name)}</text>')
        out += [bar(y + 2 + 9 * i, factors[s], COLOURS[s]) for i, s in enumerate(COLOURS) if factors[s]]
        y += ROW_HEIGHT
    for mark in (0.1, 1, 10, 100):
        x = x_of(mark)
        out.insert(0, f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{y}" stroke="{"#333" if mark == 1 else "#ccc"}"/>')
        out.append(f'<text x="{x:.1f}" y="{y + 12}" text-anchor="middle" font-size="10" fill="#666">{mark:g}×</text>')
    return out, y + 30


def picture(rows, taken):
    y, body = 34, []
    for name, _, results in taken:
        lines, y = panel(rows, f"On {name}", results, y)
        body += lines
    legend = "".join(f'<rect x="{LABEL + 150 * i}" y="10" width="12" height="12" fill="{COLOURS[s]}"/>'
                     f'<text x="{LABEL + 18 + 150 * i}" y="20">{ORDER[s]}</text>' for i, s in enumerate(COLOURS))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">\n'
            f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>\n<text x="10" y="20">Times as fast as the kernel</text>{legend}\n' + "\n".join(body) + "\n</svg>\n")


def kept_sections(out):
    """Of the page as it is: what others of `make bench` write, until they do so anew."""
    try:
        with open(f"{out}/performance.md", encoding="utf-8") as f:
            page = f.read()
    except OSError:
        return []
    return [s for s in (throughput.section_of(title, page) for title in (cost.TITLE, throughput.TITLE)) if s]


def write(out, rows, taken):
    rounds = max((len(s) for _, _, results in taken for by in results.values() for s in by.values()), default=0)
    text = HEAD.format(rounds=rounds, unix=UNIX, machine=machine())
    for name, cores, results in taken:
        text += "\n" + tables(rows, name, cores, results)
    text += "\n" + WHY + "".join("\n" + section for section in kept_sections(out))
    with open(f"{out}/performance.md", "w", encoding="utf-8") as f:
        f.write(text)
    with open(f"{out}/performance.svg", "w", encoding="utf-8") as f:
        f.write(picture(rows, taken))
