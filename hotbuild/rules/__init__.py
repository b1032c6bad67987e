"""Rude edits: one file per family. A rule looks at a pair and yields (HB code, message); no rule imports another."""
