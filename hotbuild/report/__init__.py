"""Views of a result: text, JSON, and the stages' outputs as files."""
