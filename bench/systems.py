"""What is measured on: the kernel, or a virtual network. Each is a shell on certain cores that takes commands, and the servers that it keeps."""
import os
import queue
import random
import re
import shlex
import socket
import subprocess
import threading

PATIENCE = 30                   # seconds for any one command
MARK = "--done--"
UNIX = ("unix", "seqpacket", "unixgram")    # the transports that need no network


class Failure(Exception):
    pass


class Shell:
    """A shell of our own, with the cores it and all below it may use; commands run one after another."""

    def __init__(self, argv, cores):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores))
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def tell(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except OSError as e:
            raise Failure(f"the shell is gone: {e}") from e

    def line(self):
        try:
            line = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failure(f"no answer within {PATIENCE} s") from None
        if line is None:
            raise Failure("the shell is gone")
        return line

    def run(self, command):
        """What it printed; Failure when it did not succeed."""
        self.tell(f"timeout -k 1 {PATIENCE - 5} {command}; status=$?; echo; echo {MARK} $status")
        out = []
        while not (line := self.line()).startswith(MARK):
            out.append(line)
        text = "\n".join(out).strip()
        if line != f"{MARK} 0":
            raise Failure(f"{command}: {text[-300:]}")
        return text

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def processes_below(pid):
    """The ids of all processes that came from this one, and their names."""
    children = {}
    names = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                name, rest = re.match(r"\d+ \((.*)\) (.*)", f.read(), re.S).groups()
        except (OSError, AttributeError):
            continue
        names[int(entry)] = name
        children.setdefault(int(rest.split()[1]), []).append(int(entry))
    found, todo = {}, [pid]
    while todo:
        one = todo.pop()
        found[one] = names.get(one, "")
        todo += children.get(one, [])
    return found


def free_ports(n):
    """The first of n ports in a row that nobody has, here and now."""
    for _ in range(100):
        first = random.randrange(20000, 30000)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for port in range(first, first + n):
                    with socket.socket(socket.AF_INET, kind) as s:
                        s.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise Failure("no free ports")


class System:
    """
    kind        "kernel", "host" or "hosts"
    name        for people
    address     of the servers, as the clients reach it
    on_server   what comes before a command that is to run on the servers' host
    """

    def __init__(self, kind, name, shell, build, tmp, address, port, on_server=""):
        self.kind, self.name, self.shell, self.build, self.tmp = kind, name, shell, build, tmp
        self.address, self.port, self.on_server = address, port, on_server
        self.path = f"{tmp}/{kind}-{port}.socket"
        self.bench = shlex.quote(f"{build}/bench/sockbench")
        self._pids = None

    def start(self, command):
        """In the background on the servers' host, until the shell ends. Its output goes to the shell's when it is to be waited for."""
        self.shell.tell(f"{self.on_server}{command} &")

    def place(self, transport):
        return f"{transport}:{self.path}.{transport}" if transport in UNIX else f"{transport}:{self.address}:{self.port}"

    def counted(self):
        """The servers of sockbench, and the engine: whose processor time belongs to the figures."""
        if self._pids is None:
            places = [self.place("tcp"), self.place("udp")] + ([self.place(t) for t in UNIX] if self.kind != "hosts" else [])
            self.start(f"{self.bench} serve {' '.join(map(shlex.quote, places))}")
            line = self.shell.line()
            if not re.fullmatch(r"(\d+ )+", line):
                raise Failure(f"the server says: {line}")
            self._pids = line.split() + self.engines()
        return self._pids

    def engines(self):
        return [str(pid) for pid, name in processes_below(self.shell.process.pid).items() if name.startswith("sockland-engin")]

    def processes(self):
        return list(processes_below(self.shell.process.pid))


class Kernel(System):
    def __init__(self, cores, build, tmp):
        super().__init__("kernel", "the kernel", Shell(["bash", "--norc"], cores), build, tmp, "127.0.0.1", free_ports(16))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.shell.tell("kill $(jobs -p) 2>/dev/null")
        self.shell.end()


class Net:
    """One virtual network with two hosts on a switch, as seen in two ways."""

    def __init__(self, cores, build, tmp):
        self.build, self.tmp = build, tmp
        self.shell = Shell([f"{build}/sockland", "up", "--topo", "single,2", "--", "bash", "--norc"], cores)

    def one_host(self):
        return System("host", "one virtual host", self.shell, self.build, self.tmp, "127.0.0.1", 5000)

    def two_hosts(self):
        on_server = f"{shlex.quote(self.build + '/sockland')} exec h2 "
        return System("hosts", "two virtual hosts", self.shell, self.build, self.tmp, "10.0.0.2", 5100, on_server)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.shell.tell("kill $(jobs -p) 2>/dev/null")
        self.shell.end()
