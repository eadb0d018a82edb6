"""The house rules as data: what each layer may import and call, and why. `checker.py` reads the code for them."""

from dataclasses import dataclass

PURE = frozenset({
    "__future__", "abc", "base64", "binascii", "collections", "contextlib", "copy", "dataclasses", "datetime", "enum",
    "functools", "hashlib", "heapq", "html", "itertools", "json", "math", "operator", "posixpath", "re", "string",
    "struct", "types", "typing", "msgpack", "msgspec",
})  # fmt: skip
THREADS = frozenset({"concurrent.futures", "os.cpu_count", "threading"})


@dataclass(frozen=True)
class Layer:
    """What a layer may import: other layers, and from outside (None: the whole standard library; `a.b`: that alone)."""

    layers: frozenset[str]
    outside: frozenset[str] | None
    packages: frozenset[str]
    why: str


LAYERS = {
    "domain": Layer(frozenset(), PURE, frozenset(), "the domain is pure: no I/O, no clock, no randomness"),
    "projections": Layer(frozenset({"domain"}), PURE, frozenset(), "projections are pure folds of events"),
    "application": Layer(
        frozenset({"domain", "projections"}), PURE | THREADS, frozenset(),
        "use cases touch the machine through domain.ports only, never through an adapter",
    ),
    "adapters": Layer(
        frozenset({"domain"}), None, frozenset({"cryptography", "eventsourcing", "msgpack", "msgspec"}),
        "adapters and application never meet: they share the Protocols in domain/ports.py",
    ),
    "cli": Layer(
        frozenset({"domain", "projections", "application", "adapters"}), None, frozenset({"click"}),
        "the command line wires everything, and nothing imports it but the launcher",
    ),
    "storectl": Layer(frozenset({"cli"}), frozenset({"sys", "pathlib"}), frozenset(), "the door only opens"),
}  # fmt: skip

PURE_LAYERS = ("domain/", "projections/", "application/")
# Paths pass through the ports as a type: who could call one could read the machine.
TYPES_ONLY = {"domain/ports.py": "pathlib.Path"}
# Runs by itself, under the system's Python, where libostree's binding is: its output is its answer.
OWN_PROGRAM = "adapters/ostree/libostree_order.py"
# Goes along with a bundle as one file: nothing of ours in it, so that it checks us, and as long as that takes.
STANDALONE = "storectl/verify_bundle.py"
STANDALONE_PACKAGES = frozenset({"cryptography", "msgpack"})

STARTS = "one place starts processes, adapters/process.py: argv lists, time limits, bounded output"
# Module → the only place that may import it (None: nobody).
ONLY_IN: dict[str, tuple[str | None, str]] = {
    "subprocess": ("adapters/process.py", STARTS),
    "pty": (None, STARTS),
    "multiprocessing": (None, STARTS),
    "concurrent.futures.ProcessPoolExecutor": (None, STARTS),
    "concurrent.futures.process": (None, STARTS),
    "asyncio": (None, STARTS),
    "_posixsubprocess": (None, STARTS),
    "ctypes": (None, "what it calls is hidden from every rule here"),
    "eventsourcing": ("adapters/event_log/", "the library stays behind the event log"),
    "importlib.import_module": ("cli/main.py", "an import by name is hidden from every rule here"),
}
# Full name, or the beginning of one (ending in *) → why nobody calls it.
BANNED_CALLS = {
    "os.system": "never a shell",
    "os.popen": "never a shell",
    "os.exec*": STARTS,
    "os.spawn*": STARTS,
    "os.posix_spawn*": STARTS,
    "os.fork*": STARTS,
    "eval": "what it runs is hidden from every rule here",
    "exec": "what it runs is hidden from every rule here",
    "__import__": "an import by name is hidden from every rule here",
}
# The same, below cli/.
BANNED_BELOW_CLI = {
    "print": "output.py renders; nothing below cli prints",
    "sys.stdout*": "output.py renders; nothing below cli prints",
    "sys.stderr*": "output.py renders; nothing below cli prints",
    "sys.exit": "nothing below cli exits: it raises an error of domain/errors.py",
    "os._exit": "nothing below cli exits",
    "os.abort": "nothing below cli exits",
    "exit": "nothing below cli exits",
    "quit": "nothing below cli exits",
    "SystemExit": "nothing below cli exits: it raises an error of domain/errors.py",
    "input": "nothing below cli asks",
}
# The same, in the pure layers.
BANNED_IN_PURE = {
    "open": "pure layers read and write nothing: that is a port's work",
    "datetime.datetime.now": "pure layers have no clock: the time comes in",
    "datetime.datetime.utcnow": "pure layers have no clock: the time comes in",
    "datetime.datetime.today": "pure layers have no clock: the time comes in",
    "datetime.date.today": "pure layers have no clock: the time comes in",
}

# File or folder → why it may import inside functions.
DEFERRED = {
    "cli/": "commands are imported when they run, and a reading command must not pay for what changes things",
    "storectl/__main__.py": "the path has to be set first",
    OWN_PROGRAM: "the binding may be missing, which has an exit code of its own",
}

MAX_LINES = 400
# Held to the length only.
BESIDE = ("tests", "bench", "demo", "scripts")
