"""`storectl consumer`."""

from pathlib import Path

import click

from application.consumers import add_consumer, observe_consumers, remove_consumer
from cli.options import global_options, recordable, wait_option
from cli.output import many
from cli.session import Session, pass_session


@click.group("consumer")
@global_options
def command() -> None:
    """Other container stores that use this one as an additional image store: what they need is never dropped.

    \b
    Example:
      storectl consumer add /var/lib/containers/storage
    """


@command.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--runroot", type=click.Path(path_type=Path), help="Its runroot, for the record.")
@wait_option
@global_options
@pass_session
def add(session: Session, path: Path, runroot: Path | None, wait: float) -> None:
    """Protect what the store at PATH uses of this one from now on.

    \b
    Example:
      storectl consumer add /var/lib/containers/storage
    """
    place = recordable(path.resolve(), "PATH")
    with session.changing(wait) as host:
        add_consumer(host, place, recordable(runroot.absolute(), "--runroot") if runroot else None)
        held = len(host.graph.consumer_holds(place))
    if session.out.json:
        session.out.answer({"path": place, "references": held})
    else:
        session.out.line(f"{place}: {many(held, 'reference')} into this store")


@command.command("remove")
@click.argument("path", type=click.Path(path_type=Path))
@wait_option
@global_options
@pass_session
def remove(session: Session, path: Path, wait: float) -> None:
    """Forget the store at PATH, and with it all that it holds here.

    \b
    Example:
      storectl consumer remove /srv/old-storage
    """
    with session.changing(wait, frees=True) as host:
        place = str(path) if str(path) in host.graph.consumers else str(path.resolve())
        remove_consumer(host, place)
    if session.out.json:
        session.out.answer({"path": place, "removed": True})
    else:
        session.out.line(f"{place} is no consumer any more")


@command.command("list")
@global_options
@pass_session
def list_consumers(session: Session) -> None:
    """The consumer stores, how each was found, and what it holds here.

    \b
    Example:
      storectl consumer list
    """
    session.notice()
    graph = session.graph()
    rows = [
        {
            "path": node.path, "runroot": node.runroot, "found": node.found, "event": node.event,
            "references": [
                {"holder": holder, "layer": layer, "image": image}
                for holder, layer, image in sorted(graph.consumer_holds(node.path), key=str)
            ],
        }
        for node in graph.consumers.values()
    ]  # fmt: skip
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("STORE", "REFERENCES", "FOUND"),
        [(str(row["path"]), str(len(row["references"])), str(row["found"])) for row in rows],  # type: ignore[arg-type]
        right=(1,),
    )


@command.command("discover")
@wait_option
@global_options
@pass_session
def discover(session: Session, wait: float) -> None:
    """Find the running system's other stores.

    They are added; gc does this by itself.

    \b
    Example:
      storectl consumer discover
    """
    with session.changing(wait) as host:
        before = set(host.graph.consumers)
        observe_consumers(host, strict=False)
        added = [node for path, node in host.graph.consumers.items() if path not in before]
    if session.out.json:
        session.out.answer([{"path": node.path, "found": node.found} for node in added])
        return
    for node in added:
        session.out.line(f"{node.path} ({node.found})")
    if not added:
        session.out.line("no other store was found")
