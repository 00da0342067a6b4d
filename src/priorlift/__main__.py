"""Let `python -m priorlift` do what the command `priorlift` does."""

from priorlift.cli.app import main

if __name__ == "__main__":
    main()
