"""Measurements and proofs (测量与证明), run by hand and by CI: see README.md."""
