"""Runs of claims: which are needed, their trainings in processes of their own, and their rows."""
