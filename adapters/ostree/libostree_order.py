"""Puts the deployments of a sysroot into a given order, through libostree's GObject binding.

For an ostree without `ostree admin set-default`. Run by the system's own Python, since the binding is a system package:
`/usr/bin/python3 -I libostree_order.py SYSROOT DEPLOYMENT…`, every deployment as `<stateroot>-<commit>.<serial>`, in a
mount namespace of its own.
Exit 0: done; 1: libostree failed; 3: the binding is not installed; 4: these are not the deployments that are there;
5: another program holds the sysroot.
"""

import sys


def main(sysroot_path: str, wanted: list[str]) -> int:
    """Write the order. Nothing else changes: no /etc is merged, nothing is checked out."""
    try:
        import gi  # not at the top: a missing binding has an exit code of its own

        gi.require_version("OSTree", "1.0")
        from gi.repository import Gio, GLib, OSTree
    except (ImportError, ValueError):
        return 3
    try:
        sysroot = OSTree.Sysroot.new(Gio.File.new_for_path(sysroot_path))
        # On a booted system /sysroot is read-only: libostree makes it writable, in this namespace, if told about it.
        sysroot.set_mount_namespace_in_use()
        sysroot.initialize()
        if not sysroot.try_lock()[1]:
            return 5
        sysroot.load(None)
        there = {f"{d.get_osname()}-{d.get_csum()}.{d.get_deployserial()}": d for d in sysroot.get_deployments()}
        if sorted(there) != sorted(wanted):
            return 4
        # Nothing is pruned on the way: what storectl frees stands in its log.
        options = OSTree.SysrootWriteDeploymentsOpts()
        options.do_postclean = False
        sysroot.write_deployments_with_options([there[name] for name in wanted], options, None)
        sysroot.prepare_cleanup(None)
        sysroot.unlock()
    except GLib.Error as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
