"""`storectl gc`."""

import click

from adapters.files.cache_file import CacheFile
from application.pruning import Wanted, adopt_foreign, collect, plan
from cli.options import global_options, wait_option
from cli.output import many, size
from cli.plans import recall, remember
from cli.session import Session, pass_session
from cli.words import kept_beside_deployments
from domain.decisions.plan_changes import parse_plan
from domain.decisions.pruning import PrunePlan
from domain.references import best_name
from domain.times import format_time, parse_duration
from domain.values import short


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Show the plan and its hash; drop nothing.")
@click.option(
    "--plan", "expected", metavar="HASH", help="Carry out exactly this plan, or refuse (exit 5) and say what changed."
)
@click.option("--grace", metavar="DURATION", default="0s", help="Only what has been garbage for that long.")
@click.option(
    "--keep-deployments",
    type=click.IntRange(min=1),
    metavar="N",
    help="First remove the oldest deployments beyond N; never the booted, default, rollback or a pinned one.",
)
@click.option(
    "--adopt-foreign",
    "adopt_foreign_images",
    is_flag=True,
    help="First take over images that somebody else brought in.",
)
@wait_option
@global_options
@pass_session
def command(
    session: Session, dry_run: bool, expected: str | None, grace: str, keep_deployments: int | None,
    adopt_foreign_images: bool, wait: float,
) -> None:  # fmt: skip
    """Drop images, layers and ostree objects that nothing holds.

    In use is what a deployment, a pin, a lease, an operation under way or a container needs; it is never dropped.
    What storectl did not bring in is left alone and listed as foreign.

    \b
    Example:
      storectl gc --dry-run
    """
    remembered = CacheFile(session.layout.plans)
    seen = recall(remembered, parse_plan(expected)) if expected is not None else None
    wanted = Wanted(expected, seen, parse_duration(grace), keep_deployments)
    with session.changing(wait, frees=True) as host:
        if adopt_foreign_images:
            adopt_foreign(host)
        collection = plan(host, wanted) if dry_run else collect(host, wanted)
        commit_bytes = host.os.prunable() if dry_run else 0
        if dry_run:
            remember(remembered, collection)
    due = collection.prune
    if session.out.json:
        document = as_json(due) | {"deployments": list(collection.deployments)}
        document |= {"commits_bytes": commit_bytes} if dry_run else {"pruned": True}
        session.out.answer(document)
    else:
        for deployment in collection.deployments:
            session.out.line(f"deployment {short(deployment)} {'would be' if dry_run else 'was'} removed")
        _tell(session, due, dry_run, commit_bytes)


def as_json(due: PrunePlan) -> dict[str, object]:
    """A plan in its public form."""
    return {
        "plan": due.plan, "position": due.position,
        "images": [
            {"id": v.id, "names": list(v.names), "digest": v.digest, "unused_since": format_time(v.since_us),
             "unused_since_position": v.since, "bytes": v.bytes}
            for v in due.images
        ],
        "layers": [{"id": layer.id, "diff_id": layer.diff_id, "bytes": layer.bytes} for layer in due.layers],
        "bytes": due.bytes,
        "kept": [{"id": kept.id, "by": list(kept.by)} for kept in due.kept],
        "foreign": list(due.foreign),
    }  # fmt: skip


def _tell(session: Session, due: PrunePlan, dry_run: bool, commit_bytes: int) -> None:
    out = session.out
    out.table(
        ("IMAGE", "NAMES", "SIZE", "GARBAGE SINCE"),
        [(short(v.id), best_name(v.names) or "<none>", size(v.bytes), _since(v.since, v.since_us)) for v in due.images],
        right=(2,),
    )
    verb = "would go" if dry_run else "are gone"
    out.line(
        f"{many(len(due.images), 'image')} and {many(len(due.layers), 'layer')} {verb}, {size(due.bytes)}; "
        f"{many(len(due.kept), 'image')} kept"
    )
    graph, now = session.graph(), session.now_us()
    for kept in due.kept:
        node = graph.images.get(kept.id)
        if node is not None and (by := kept_beside_deployments(graph, kept.id, now)):
            out.line(f"kept: image {short(kept.id)} ({best_name(node.names) or '<none>'}): {', '.join(by)}")
    if dry_run:
        out.line(f"ostree objects that nothing holds: {size(commit_bytes)}")
        out.line(f"plan {due.plan} at position {due.position}")
    for image in due.foreign:
        out.note(f"foreign, left alone: image {short(image)}")


def _since(position: int | None, time_us: int) -> str:
    return f"{format_time(time_us)} ({f'event {position}' if position else 'its time ran out'})"
