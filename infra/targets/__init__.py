"""Where pipelines run: `local`, `session`, `kubernetes`, and `memory` for tests, behind one small protocol."""
