"""What is kept of an unforeseen error: where it happened. Its text is not, for it may quote a person's data."""

from pathlib import Path


def frames(error: BaseException) -> Path | None:
    """Write the frames of an error, and of those that led to it, to a new file; None where none can be written."""
    import tempfile
    import traceback

    chain = [error]
    while (earlier := chain[-1].__cause__ or chain[-1].__context__) is not None and earlier not in chain:
        chain.append(earlier)
    try:
        with tempfile.NamedTemporaryFile("w", prefix="tocsin-failure-", suffix=".log", delete=False) as log:
            for link in reversed(chain):
                log.writelines(traceback.format_tb(link.__traceback__))
                log.write(f"{type(link).__module__}.{type(link).__qualname__}\n\n")
    except OSError:
        return None
    return Path(log.name)


def sentence(error: BaseException) -> str:
    """What the user is told of an unforeseen error: its kind, and the file to report."""
    path = frames(error)
    where = f"Please report the file {path}, which holds no data of yours." if path else "Please report how it came."
    return f"an unforeseen {type(error).__name__} stopped this; what was recorded stays. {where}"
