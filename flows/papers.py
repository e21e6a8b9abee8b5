"""Files for people to read or edit: whole or not there at all, and one sentence where they cannot be written."""

import secrets
from pathlib import Path

from tocsin.errors import Invalid


def put(path: Path, content: bytes, *, folder_mode: int = 0o777) -> Path:
    """Write a file in one step, its folder too if need be; raises Invalid where it cannot be written."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")  # another run may be writing the same
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or "it cannot be written").lower()
        raise Invalid(f"{path} cannot be written ({reason}): make room or name another folder.") from None
    return path
