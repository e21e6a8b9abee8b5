"""The core: facts, calendar law, regimes, duties, plan, ladder, ledger chain.

Everything here computes from its arguments. Nothing here opens a file, a socket or a database, or asks the clock.
"""
