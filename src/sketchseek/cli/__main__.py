"""``python -m sketchseek.cli``."""

from sketchseek.cli import main

raise SystemExit(main())
