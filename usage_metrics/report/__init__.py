"""What people look at: one page, and the figures in it for a notebook.

* :mod:`.figures` asks the database and gives pandas frames, one for each question;
* :mod:`.quality` says what the figures are made of and what is missing from them;
* :mod:`.charts` draws frames with Vega-Altair, in a notebook and on the page alike;
* :mod:`.glossary` defines every figure;
* :mod:`.payload` packs the frames for the page, :mod:`.wording` writes numbers, and
  makes harmless what comes from a log, and :mod:`.page` puts it all into one file;
* :mod:`.tasks` has the task, ``Report``.
"""
