"""COUNTER reports on their way to DataCite's hub, and what it makes of them.

What is said here of the hub follows its code (datacite/sashimi), that of the program
which reads the reports there (levriero), and of the API that shows the sums (lupo).
"""
