"""Phases of a build, one module each. Only this package imports Beam."""
