#!/usr/bin/env python3
"""Throughput under loss beside the kernel's: bench/throughput.py [--seeds N] [--seconds N] [--keep] [BUILD]

Ours on virtual time (build/tests/sim/throughput), the kernel's in real time between two namespaces (build/tests/sim/kernel-throughput), which needs
root; without it, or with --keep, the kernel's figures are those kept in bench/kernel-throughput.json. Writes the section "Throughput under loss" of
docs/performance.md and docs/throughput.svg, the time-sequence chart of a loss episode of each. `make bench` runs it after the rest."""
import argparse
import concurrent.futures
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(os.path.dirname(HERE), "docs")
KEPT = os.path.join(HERE, "kernel-throughput.json")
LOSSES = ["0", "0.1", "1", "3"]
EPISODE_LOSS, EPISODE_SEEDS = "0.1", range(1, 20)
TITLE = "## Throughput under loss"
TEXT = TITLE + """, beside Linux's

One stream over 100 Mbit/s and 40 ms (20 ms each way, a queue of 1,000 packets), packets lost at random in both directions; CUBIC on both sides. The mean of
{seeds} seeds of {seconds} s each, in Mbit/s, with the least and the most in brackets. Ours: two stacks and a link on virtual time (without loss one run, for
there is nothing to draw). Linux's: in real time, two namespaces with a TUN device each, and between them a program that paces, delays and loses as the
simulated link does{theirs}.

| loss | sockland | Linux {kernel} | ratio |
|---|---|---|---|
{rows}

![Segments and acknowledgments around one loss](throughput.svg)

Where the two differ: Linux ends its first slow start by HyStart, sockland by HyStart++ (RFC 9406); Linux hands its device several segments at once.
"""


def output(command, timeout=7200):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=timeout).stdout


def ours(build, seconds, seeds):
    """loss -> (mean, least, most)"""
    text = output([build + "/tests/sim/throughput", str(seconds), str(seeds)])
    return {m[1]: tuple(float(v) for v in m.groups()[1:]) for m in re.finditer(r"^ *([\d.]+)% +([\d.]+) +([\d.]+) +([\d.]+)$", text, re.M)}


def episode_of(command):
    for seed in EPISODE_SEEDS:
        lines = output([w.replace("SEED", str(seed)) for w in command]).split("\n")
        events = [(float(a), b, int(c), int(d)) for a, b, c, d in (line.split() for line in lines if line)]
        if any(kind == "r" for _, kind, _, _ in events):
            return events
    return []


def measure_kernel(build, seconds, seeds):
    program = build + "/tests/sim/kernel-throughput"

    def one(job):
        loss, seed = job
        return loss, float(re.search(r"([\d.]+) Mbit/s", output([program, loss, str(seed), str(seconds)]))[1])
    figures = {loss: [] for loss in LOSSES}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for loss, mbit in pool.map(one, [(loss, seed) for loss in LOSSES for seed in range(1, seeds + 1)]):
            figures[loss].append(mbit)
    return {"kernel": platform.release().split("-")[0], "date": time.strftime("%Y-%m-%d"), "seconds": seconds, "figures": figures,
            "episode": episode_of([program, EPISODE_LOSS, "SEED", "10", "cubic", "--episode"])}


def the_kernels(build, seconds, seeds, keep):
    """The figures, and where they are from."""
    if not keep and os.geteuid() == 0 and os.path.exists("/dev/net/tun"):
        taken = measure_kernel(build, seconds, seeds)
        with open(KEPT, "w", encoding="utf-8") as f:
            json.dump(taken, f)
            f.write("\n")
        return taken, ""
    with open(KEPT, encoding="utf-8") as f:
        taken = json.load(f)
    why = "as it was told" if keep else "which needs root"
    print(f"throughput of the kernel: NOT RUN: {why}: figures kept of {taken['date']}", file=sys.stderr)
    return taken, "; kept of " + taken["date"]


# ---- the picture ----

WIDTH, HEIGHT, LEFT, TOP = 900, 300, 70, 40
MARKS = {"d": ("#2a6f97", "text"), "r": ("#d1495b", "sent again"), "x": ("#000", "lost"), "a": ("#8d99ae", "acknowledged up to")}


def panel(name, events, y):
    out = [f'<text x="10" y="{y + 14}" font-weight="bold">{name}</text>']
    if not events:
        return out
    seqs = [s for _, _, s, _ in events]
    low, high = min(seqs), max(s + n for _, _, s, n in events)
    t0, t1 = min(e[0] for e in events), max(e[0] for e in events)

    def at(ms, seq):
        return LEFT + (WIDTH - LEFT - 20) * (ms - t0) / (t1 - t0), y + TOP + (HEIGHT - TOP - 30) * (high - seq) / max(high - low, 1)
    for ms in range(int(t0 // 100) * 100, int(t1) + 1, 100):
        x = at(max(ms, t0), low)[0]
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y + TOP}" y2="{y + HEIGHT - 30}" stroke="#eee"/>'
                   f'<text x="{x:.1f}" y="{y + HEIGHT - 14}" text-anchor="middle" font-size="10" fill="#666">{ms} ms</text>')
    for kind in "adxr":
        colour = MARKS[kind][0]
        points = [at(ms, seq) for ms, k, seq, _ in events if k == kind]
        radius = 1.1 if kind in "ad" else 3.2
        out.append(f'<g fill="{colour}">' + "".join(f'<circle cx="{x:.1f}" cy="{v:.1f}" r="{radius}"/>' for x, v in points) + "</g>")
    out.append(f'<text x="{LEFT - 6}" y="{y + TOP + 8}" text-anchor="end" font-size="10" fill="#666">{(high - low) // 1000} kB</text>')
    return out


def picture(panels):
    body, y = [], 26
    legend = "".join(f'<circle cx="{300 + 150 * i}" cy="14" r="4" fill="{c}"/><text x="{308 + 150 * i}" y="18">{t}</text>' for i, (c, t) in enumerate(MARKS.values()))
    for name, events in panels:
        body += panel(name, events, y)
        y += HEIGHT
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">\n<rect width="{WIDTH}" height="{y}" '
            f'fill="#fff"/>\n<text x="10" y="18">Sequence numbers around one loss</text>{legend}\n' + "\n".join(body) + "\n</svg>\n")


# ---- what is written ----

def splice(page, title, section):
    """The page with the section of that title in the place of the one that it had, or at the end."""
    found = re.search(r"^%s\b.*?(?=^## |\Z)" % re.escape(title), page, re.M | re.S)
    section = section.rstrip() + "\n"
    if not found:
        return page.rstrip() + "\n\n" + section
    return (page[:found.start()] + section + ("\n" if page[found.end():] else "") + page[found.end():])


def section_of(title, page):
    found = re.search(r"^%s\b.*?(?=^## |\Z)" % re.escape(title), page, re.M | re.S)
    return found[0].rstrip() + "\n" if found else ""


def spread(mean, least, most):
    return f"**{mean:.2f}** ({least:.2f}…{most:.2f})"


def write(build, out, seconds, seeds, keep):
    mine, (theirs, how) = ours(build, seconds, seeds), the_kernels(build, seconds, seeds, keep)
    rows = []
    for loss in LOSSES:
        v = theirs["figures"][loss]
        rows.append(f"| {loss} % | {spread(*mine[loss])} | {spread(statistics.mean(v), min(v), max(v))} | {mine[loss][0] / statistics.mean(v):.2f} |")
    path = os.path.join(out, "performance.md")
    with open(path, encoding="utf-8") as f:
        page = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(splice(page, TITLE, TEXT.format(seeds=seeds, seconds=seconds, theirs=how, kernel=theirs["kernel"], rows="\n".join(rows))))
    with open(os.path.join(out, "throughput.svg"), "w", encoding="utf-8") as f:
        f.write(picture([("sockland", episode_of([build + "/tests/sim/throughput", "--episode", EPISODE_LOSS, "SEED"])), ("Linux", theirs["episode"])]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="take the kernel's kept figures")
    parser.add_argument("--out", default=DOCS)
    parser.add_argument("build", nargs="?", default="build")
    args = parser.parse_args()
    write(os.path.abspath(args.build), args.out, args.seconds, args.seeds, args.keep)


if __name__ == "__main__":
    main()
