"""The second factor: codes of an authenticator app, and recovery codes.

Start reading in `store.py` (turn it on and off) and `codes.py` (sign in with a code).
"""
