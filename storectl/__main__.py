"""The door: puts the application's packages on the path, and runs its command line."""

import sys
from pathlib import Path


def main() -> None:
    """Run storectl. In the wheel the packages lie beside this file, in a checkout beside this directory."""
    here = Path(__file__).resolve().parent
    home = here if (here / "domain").is_dir() else here.parent
    sys.path.insert(0, str(home))
    from cli.main import main as cli  # only now does the path lead there

    cli()


if __name__ == "__main__":
    main()
