"""Reaching people: channels over Apprise, dispatch, receipts and bounces, and the fake providers that ship.

Nothing here touches the database, reads settings or asks the clock; a caller gives providers, messages and `now`.
"""
