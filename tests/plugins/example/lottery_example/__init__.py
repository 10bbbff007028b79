"""An example of a plug-in of the lottery suite."""
