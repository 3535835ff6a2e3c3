"""``python -m sketchseek``."""

from sketchseek.cli import main

raise SystemExit(main())
