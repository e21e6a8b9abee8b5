"""Makes docs/pictures/demo.png from the output of `make demo` with headless Chromium.

make demo | tee /tmp/story.txt && .venv/bin/python scripts/demo_picture.py /tmp/story.txt
"""

import html
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = """<!doctype html><meta charset="utf-8"><style>
body{{margin:0;background:#16191d}} pre{{margin:0;padding:28px 32px;color:#e4e7ea;
font:13px/1.42 "DejaVu Sans Mono","Noto Sans Mono CJK SC",monospace;white-space:pre}}</style><pre>{}</pre>"""
ROOT = Path(__file__).parent.parent


def main(story: Path) -> None:
    """Draw the part of the story from the tables on."""
    lines = story.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Duties"))
    shown = [line.rstrip() for line in lines[start:] if not line.startswith("make")]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "story.html"
        page.write_text(PAGE.format(html.escape("\n".join(shown))), encoding="utf-8")
        target = ROOT / "docs" / "pictures" / "demo.png"
        target.parent.mkdir(exist_ok=True)
        size = f"1060,{60 + 19 * len(shown)}"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", f"--user-data-dir={folder}/profile", "--hide-scrollbars"]
        subprocess.run([*command, f"--window-size={size}", f"--screenshot={target}", page.as_uri()], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
