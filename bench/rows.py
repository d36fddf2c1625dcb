"""The rows: what is measured, on which systems, and how a figure is taken."""
import os
import re
import shlex
import shutil
import time
from systems import Failure, UNIX

ALL, LOCAL = ("kernel", "host", "hosts"), ("kernel", "host")
CONNECTIONS = 1000


class Sample:
    """A figure, and the processor time for one operation in µs, of all processes together; None: not taken."""

    def __init__(self, value, processor=None, beside=None):
        self.value, self.processor, self.beside = value, processor, beside


class Row:
    """less_is_better says how the figures compare; compared is False where a ratio would say nothing."""

    systems, rounds, seconds, less_is_better, compared, needs = ALL, 99, 0.25, False, True, ()
    group = name = unit = ""

    def missing(self):
        return next((p for p in self.needs if not shutil.which(p, path=PATH)), None)


PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Sockbench(Row):
    def __init__(self, group, name, transport, what, size):
        self.group, self.name, self.transport, self.what, self.size = group, name, transport, what, size
        self.unit = {"echo": "µs", "echo-epoll": "µs", "stream": "MB/s", "connect": "/s"}[what]
        self.less_is_better = self.unit == "µs"
        self.systems = LOCAL if transport in UNIX else ALL

    def measure(self, system, seconds):
        pids = " ".join(system.counted())
        out = system.shell.run(f"{system.bench} {shlex.quote(system.place(self.transport))} {self.what} {self.size} {seconds} {pids}")
        try:
            operations, octets, ns, processor = map(int, out.split())
        except ValueError:
            raise Failure(out) from None
        if operations == 0:
            raise Failure("no operation came to its end")
        value = {"µs": ns / operations / 1e3, "MB/s": octets * 1e3 / ns, "/s": operations * 1e9 / ns}[self.unit]
        return Sample(value, processor / operations / 1e3)


class Exec(Row):
    group, name, unit, less_is_better, systems = "Beside", "a program without sockets started and ended", "µs", True, LOCAL

    def measure(self, system, seconds):
        operations, _, ns, _ = map(int, system.shell.run(f"{system.bench} exec {seconds}").split())
        return Sample(ns / operations / 1e3)


# ---- connections that do nothing ----

def pss(pids):
    """KiB of user memory of all these processes, shared pages counted once."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M)[1])
        except PermissionError as e:
            raise Failure(f"the memory of {pid} can't be seen") from e
        except (OSError, TypeError):
            continue            # it is gone
    return total


def slab():
    with open("/proc/meminfo", encoding="ascii") as f:
        return int(re.search(r"^Slab:\s+(\d+)", f.read(), re.M)[1])


def processor_ns(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        except (OSError, IndexError):
            continue
    return total


class Held:
    """CONNECTIONS connections on a system: what they took."""

    taken = {}                  # one look serves both rows: (system) -> Held

    def __init__(self, system, seconds):
        place = shlex.quote(f"tcp:{system.address}:{system.port + 8}")
        shell, ask = system.shell, f"{system.tmp}/ask"
        if not os.path.exists(ask):
            os.mkfifo(ask)
        system.start(f"{system.bench} keep {place} {CONNECTIONS}")
        keeper = int(self.expect(shell, r"ready (\d+)")[1])
        shell.tell(f"{system.bench} hold {place} {CONNECTIONS} <{shlex.quote(ask)} &")
        with open(ask, "w", encoding="ascii") as words:
            self.expect(shell, "one")
            pids, user, kernel = system.processes(), pss(system.processes()), slab()
            print("on", file=words, flush=True)
            self.expect(shell, "all")
            self.user, self.kernel = pss(pids) - user, slab() - kernel
            time.sleep(seconds / 4)     # what the opening has left to do
            before = processor_ns(pids)
            time.sleep(seconds)
            self.busy = (processor_ns(pids) - before) / (seconds * 1e9) * 100
        shell.run(f"kill {keeper}")

    @staticmethod
    def expect(shell, pattern):
        found = re.fullmatch(pattern, line := shell.line())
        if not found:
            raise Failure(line)
        return found


class Memory(Row):
    group, name, unit = "Beside", f"user memory a connection, {CONNECTIONS} of them", "KiB"
    systems, rounds, compared, seconds, less_is_better = ALL, 3, False, 2.0, True

    def measure(self, system, seconds):
        held = Held.taken[system] = Held(system, seconds)
        return Sample(held.user / CONNECTIONS, beside=held.kernel / CONNECTIONS)


class Idle(Row):
    group, name, unit = "Beside", f"processor while {CONNECTIONS} connections do nothing", "%"
    systems, rounds, compared, less_is_better = ALL, 3, False, True

    def measure(self, system, seconds):
        if system not in Held.taken:
            raise Failure("there were no connections to look at")
        return Sample(Held.taken.pop(system).busy)


# ---- programs ----

def wait_listening(system, command):
    """Until the command, a client that does nothing, succeeds."""
    for _ in range(100):
        try:
            return system.shell.run(command)
        except Failure as e:
            last = e
            time.sleep(0.05)
    raise last


class Redis(Row):
    group, unit, needs, started = "Programs", "/s", ("redis-server", "redis-benchmark", "redis-cli"), set()

    def __init__(self, test, pipelined):
        self.name = f"redis-benchmark {test}, 50 clients" + (f", {pipelined} at once" if pipelined > 1 else "")
        self.test, self.pipelined = test, pipelined

    def measure(self, system, seconds):
        port = system.port + 9
        if system not in self.started:
            self.started.add(system)
            system.start(f"redis-server --port {port} --bind {system.address} --protected-mode no --save '' --appendonly no --dir {system.tmp} >/dev/null")
            wait_listening(system, f"redis-cli -h {system.address} -p {port} ping")
        n = max(500, int(seconds * 80000 * min(self.pipelined, 4)))
        out = system.shell.run(f"redis-benchmark -h {system.address} -p {port} -t {self.test} -n {n} -c 50 -P {self.pipelined} --csv")
        found = re.search(rf'^"{self.test}[^"]*","([0-9.]+)"', out, re.M | re.I)
        if not found:
            raise Failure(out[-300:])
        return Sample(float(found[1]))


NGINX = """worker_processes 1; daemon off; pid {dir}/pid; error_log {dir}/error.log warn; events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; sendfile on;
client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
server {{ listen {address}:{port}; root {dir}; }} }}
"""


class Nginx(Row):
    group, unit, needs, seconds, started = "Programs", "/s", ("nginx", "wrk"), 1.0, set()

    def __init__(self, name, header):
        self.name, self.header = f"nginx with wrk, {name}", header

    def start(self, system, port):
        self.started.add(system)
        where = f"{system.tmp}/nginx-{system.kind}-{port}"
        os.mkdir(where)
        with open(f"{where}/nginx.conf", "w", encoding="ascii") as f:
            f.write(NGINX.format(dir=where, address=system.address, port=port))
        with open(f"{where}/page", "w", encoding="ascii") as f:
            f.write("x" * 1024)
        nginx = shutil.which("nginx", path=PATH)
        system.start(f"{nginx} -e {where}/error.log -p {where} -c {where}/nginx.conf")

    def measure(self, system, seconds):
        port = system.port + 10
        if system not in self.started:
            self.start(system, port)
            wait_listening(system, f"bash -c 'exec 3<>/dev/tcp/{system.address}/{port}'")
        out = system.shell.run(f"wrk -t1 -c32 -d{max(1, round(seconds))}s {self.header} http://{system.address}:{port}/page")
        found = re.search(r"Requests/sec:\s+([0-9.]+)", out)
        if not found or float(found[1]) == 0:
            raise Failure(out[-300:])
        return Sample(float(found[1]))


ECHOES = [("tcp", "TCP"), ("udp", "UDP"), ("unix", "AF_UNIX"), ("seqpacket", "AF_UNIX seqpacket"), ("unixgram", "AF_UNIX datagrams, connected")]
LARGEST = {"udp": 1024, "seqpacket": 65536, "unixgram": 65536}      # messages
SIZES = [(64, "64 B"), (1024, "1 KiB"), (65536, "64 KiB"), (1 << 20, "1 MiB")]
ROWS = (
    [Sockbench("Round trip", f"{label}, {text}, {how}", transport, what, size)
     for transport, label in ECHOES for size, text in ((1, "1 B"), (1024, "1 KiB"))
     for what, how in (("echo", "blocking"), ("echo-epoll", "epoll"))]
    + [Sockbench("One way", f"{label}, {text} a call", transport, "stream", size)
       for transport, label in ECHOES for size, text in SIZES if size <= LARGEST.get(transport, size)]
    + [Sockbench("Connections", f"{label}: connect, accept, close", transport, "connect", 1) for transport, label in (ECHOES[0], ECHOES[2])]
    + [Redis(test, pipelined) for test, pipelined in (("set", 1), ("get", 1), ("get", 16))]
    + [Nginx("connections kept", ""), Nginx("a connection for each page", "-H 'Connection: close'")]
    + [Exec(), Memory(), Idle()]
)
