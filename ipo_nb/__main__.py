"""`python -m ipo_nb` is the `ipo-nb` command."""

from __future__ import annotations

from ipo_nb.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
