"""Foreign records made into facts: what they say for certain is put, everything else is kept, asked or refused.

Nothing is guessed. A wrong day in a facts document is a wrong deadline; a missing one is a question.
"""
