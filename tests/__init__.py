"""The tests mirror `suite/`; what several of them share lies here."""
