"""Passkeys: sign in without a password, by WebAuthn.

Start reading in `ceremonies.py` (sign in, re-authenticate, add a passkey) and `store.py` (list,
rename and remove passkeys).
"""
