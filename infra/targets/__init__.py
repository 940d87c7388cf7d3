"""Where pipelines run: `local`, `kubernetes`, and `memory` for tests, behind one small protocol."""
