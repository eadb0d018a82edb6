"""Why a row of the table is where it is, as the profile shows it: printed for those that were not reached."""

REASONS: dict[str, str] = {
    "append-1": (
        "an append waits for the disk twice: for COMMIT, and then for the high-water mark, which may not say "
        "more than the log holds and so cannot be written at the same time: two thirds of the time in the "
        "profile. Where only that wait counts, the ratio cannot exceed one half; 'ratio to insert and one "
        "fdatasync more' below gives the floor the same two waits. The rest is two signatures, the event's "
        "and the checkpoint's, and the library's recorder."
    ),
    "append-100": (
        "two threads sign a batch's events side by side; beside that, the profile shows the inserts with "
        "their triggers, constraints and index on streams, the two waits for the disk that the batch shares, "
        "and encoding, checking and hashing in interpreted code."
    ),
    "verify-full-1": (
        "beside the signature each event costs the walk: reading the row, decoding body and record and "
        "encoding them again (there is one encoding only), three hashes, and the comparisons."
    ),
    "verify-full-2": (
        "the walk and the hand-over between threads hold the interpreter's lock; signatures are checked "
        "without it. What the walk takes is not shared by the cores."
    ),
    "verify-fast": (
        "the floor hashes in C what lies in memory. Verification reads rows from SQLite, decodes them and "
        "encodes them again, hashes leaf, body and tree node, and compares columns, chain, times, stream "
        "versions and keys of each event, in interpreted code: the hashes are an eighth of its profile. A "
        "faster pass that trusts the root alone would leave out checks that `verify --no-signatures` makes."
    ),
    "rebuild": (
        "the floor itself (reading and unpacking) is a good quarter of what an event takes; checking body and "
        "columns, making the event with every field's type checked (both in msgspec already), and the graph's "
        "nodes and holds take the rest, some dozen calls and dictionary look-ups an event."
    ),
    "history-json": (
        "a document has the event's data, hash and signature, several times the bytes of git's entry, and "
        "every record and payload is checked. git is compiled; here decoding and encoding are compiled too "
        "(msgspec), and what is between them is not."
    ),
    "flat-status": (
        "what grows is not the history but the picture: 200 images and 2,000 layers are loaded from the "
        "graph's cache and from the store's records, and compared."
    ),
    "flat-gc-dry-run": (
        "the same picture, and ostree's and the log's own checks, which a changing command makes: it opens "
        "the log for appending, asks ostree for its deployments and for what could be pruned, two processes."
    ),
    "deploy": (
        "beside the script's work storectl asks the registry for each manifest first, reads the commit's "
        "quadlets through `ostree ls` and `cat`, waits for the first image with the shared layer before it "
        "starts the others (so that no blob is fetched twice), syncs what was pulled to the disk, names each "
        "image with podman, and records everything in durable appends. On two cores unpacking leaves no core "
        "free that fetching in parallel could use."
    ),
    "deploy-slow": (
        "the first image is fetched alone, because the others share its base layer; the processes' own start "
        "(skopeo, podman, ostree) is not made shorter by fetching in parallel, and takes most of the rest on "
        "two cores."
    ),
    "deploy-present": (
        "the registry is asked for each reference's manifest, since a tag may have moved; ostree is asked for "
        "deployments and for the commit's files, each by a process."
    ),
    "gc": (
        "podman deletes all images in one process, as the peer does; the rest is storectl's start, the look "
        "at consumers, ostree's prune (four processes, which the peer does not run), and durable appends of "
        "what was found."
    ),
    "plan": (
        "reading the records' JSON and checking every id, digest and size in them takes most of it; podman "
        "reads the same files with compiled code, and its own start is small beside a store of that size."
    ),
    "start-help": ("Python and click take nearly all of it before the first line of ours runs."),
    "start-status": (
        "`ostree admin status`, a process, is a part that Python's start does not have; the rest is loading "
        "modules (click, sqlite3, dataclasses made at import) and reading graph and store."
    ),
    "memory-verify": ("verification remembers the version that each stream has come to, one entry a stream."),
    "memory-export": ("see docs/explanation/architecture.md; an export holds the streams' names, not the events."),
}
