"""storectl and podman at work together on stores that share layers: in the end nothing in use is gone, and no event."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.lab.consumer import Consumer
from tests.lab.host import BASE, LabHost
from tests.lab.images import push_image

APPS = ("a", "b", "c")
SHORT_S = 15.0
ENOUGH_GC, ENOUGH_PODMAN = 3, 20


class Load:
    """Actors in threads, each with a random of its own, until the time is over and enough was done: how much fits into
    the time is the machine's affair.
    """

    def __init__(self, host: LabHost, consumers: list[Consumer], seconds: float) -> None:
        self.host, self.consumers = host, consumers
        self.deadline = time.monotonic() + seconds
        self.done: Counter[str] = Counter()
        self.surprises: list[str] = []

    def run(self) -> None:
        actors: list[Callable[[random.Random], None]] = [self.deploy, self.change, self.change]
        actors += [lambda dice, consumer=each: self.consume(dice, consumer) for each in self.consumers]  # type: ignore[misc]
        threads = [threading.Thread(target=self._repeat, args=(actor, seed)) for seed, actor in enumerate(actors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _repeat(self, actor: Callable[[random.Random], None], seed: int) -> None:
        dice = random.Random(seed)
        while time.monotonic() < self.deadline or not self._enough():
            actor(dice)

    def _enough(self) -> bool:
        podman = sum(count for name, count in self.done.copy().items() if name.startswith("podman"))
        return (self.done["storectl gc 0"] >= ENOUGH_GC and podman >= ENOUGH_PODMAN) or bool(self.surprises)

    def storectl(self, *words: str) -> None:
        argv = [sys.executable, "-m", "storectl", "--sysroot", str(self.host.sysroot), *words]
        ran = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        self.done[f"storectl {words[0]} {ran.returncode}"] += 1
        # 1: the deployment, or the image, is not there just now; 4: the only deployment; 5: somebody else was at work.
        if ran.returncode not in (0, 1, 4, 5) or "Traceback" in ran.stderr:
            self.surprises.append(f"{words}: {ran.returncode}: {ran.stderr}")

    def deploy(self, dice: random.Random) -> None:
        app = dice.choice(APPS)
        self.host.push(app, content=str(dice.randrange(4)))
        self.host.commit(str(dice.random()), {f"{name}.image": self.host.name(name) for name in APPS})
        self.storectl("deploy", "os/stable", "--from", str(self.host.repo), "--no-tls-verify")

    def change(self, dice: random.Random) -> None:
        words = dice.choice([
            ["gc"], ["gc"], ["gc", "--keep-deployments", "2"], ["undeploy", "1"], ["undeploy", "2"], ["rollback"],
            ["pull", self.host.name(dice.choice(APPS)), "--no-tls-verify", "--lease", dice.choice(["0s", "1h"])],
        ])  # fmt: skip
        self.storectl(*words)

    def consume(self, dice: random.Random, consumer: Consumer) -> None:
        app = dice.choice(APPS)
        name = f"{app}{dice.randrange(3)}"
        words = dice.choice([
            ["pull", "--quiet", "--tls-verify=false", self.host.name(f"on-{app}")],
            ["create", "--name", name, self.host.name(f"on-{app}"), "/bin/true"],
            ["rm", name],
            ["rmi", self.host.name(f"on-{app}")],
        ])  # fmt: skip
        ran = consumer.podman(*words, check=False)
        self.done[f"podman {words[0]} {ran.returncode}"] += 1


def check(host: LabHost, consumers: list[Consumer], load: Load) -> None:
    """What has to be true when all is quiet."""
    assert load.surprises == []
    host.ok("gc")
    for row in host.json("deployments"):
        for bound in row["bound_images"]:
            mounted = host.podman("image", "mount", bound["image_id"]).strip()
            assert mounted, f"{bound} of a live deployment does not mount"
    for consumer in consumers:
        listed = json.loads(consumer.podman("ps", "--all", "--format", "json").stdout or "[]")
        for container in listed:
            app = container["Image"].rpartition("/")[2].removeprefix("on-").split(":")[0]
            assert consumer.content(container["Names"][0], f"usr/share/on-{app}") == f"on {app}\n".encode()
        consumer.podman("images")
    assert host.json("verify")["verdict"] == "verified"
    assert [event["position"] for event in host.history()] == list(range(1, host.json("status")["head"] + 1))
    status = host.json("status")
    assert status["drift"] == []
    assert {image["id"] for image in host.json("images")} == host.image_ids()
    layers = json.loads((host.store / "overlay-layers/layers.json").read_text())
    assert {layer["id"] for layer in host.json("layers")} == {layer["id"] for layer in layers}


def storm(host: LabHost, seconds: float) -> Load:
    host.init()
    for app in APPS:
        host.push(app)
        # What the consumers run sits on the layers of an image that the owned store has, and drops again.
        layers = [BASE, {f"usr/share/{app}": f"{app} 1\n".encode()}, {f"usr/share/on-{app}": f"on {app}\n".encode()}]
        push_image(host.registry, f"{host.prefix}/on-{app}", "latest", layers)
    host.commit("0", {f"{name}.image": host.name(name) for name in APPS})
    host.deploy()
    consumers = [Consumer(host, name) for name in ("B", "C")]
    for consumer in consumers:
        consumer.podman("images")
        host.ok("consumer", "add", consumer.path)
    load = Load(host, consumers, seconds)
    load.run()
    check(host, consumers, load)
    return load


def test_a_short_storm(host: LabHost) -> None:
    storm(host, SHORT_S)


@pytest.mark.soak
def test_a_long_storm(host: LabHost, capsys: pytest.CaptureFixture[str]) -> None:
    load = storm(host, float(os.environ.get("STORECTL_SOAK_SECONDS", "600")))
    with capsys.disabled():
        sys.stdout.write(f"\n{sum(load.done.values())} operations: {dict(load.done.most_common())}\n")
