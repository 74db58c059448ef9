"""The pages of use, and their figures for a notebook. Database in, text out.

Read :mod:`.figures` first: it answers each question with a pandas frame, for the
notebook. The pages take the tables and tuples that the frames are made of, so that a
run does without pandas.

* :mod:`.usage_database` reads the tables; a ``Span`` says which days;
* :mod:`.kept_sums` keeps sums of periods, so that a report adds up new days only;
* :mod:`.numbered` groups and counts columns of texts by numbers;
* :mod:`.neutral` takes out of texts what could act where they are shown;
* :mod:`.periods` cuts a span; :mod:`.reached` says how many organisations and countries
  were reached, and :mod:`.concentrated` what one organisation alone makes of it;
* :mod:`.quality` is about log lines, missing days and versions;
* :mod:`.charts` draws frames with Vega-Altair, in the notebook and on the page;
* :mod:`.rankings` lists what is ranked, and in which charts and tables;
* :mod:`.payload` packs the figures for the page's script, small enough to filter there,
  and :mod:`.combined` the use by all names together, to filter by name;
* :mod:`.static_tables`, :mod:`.time_tables` and :mod:`.quality_section` write what the
  page shows when it is opened, with the words of :mod:`.labels`, :mod:`.formatting` and
  :mod:`.glossary`;
* :mod:`.page` puts everything into ``page.html``, with ``page.css`` and
  the scripts in ``script/``, which ``page.SCRIPTS`` lists in their order;

The page on all sources and platforms needs no library:

* :mod:`.place_lines` gives a number a day for each dataset, place and kind of number;
* :mod:`.small_charts` draws them, and :mod:`.few` hides what is not for the public;
* :mod:`.publisher` holds them together, :mod:`.quotable` says them in sentences;
* :mod:`.overview` puts everything into ``overview.html``, with ``overview.css``
  and ``overview.js``.

To add a headline figure, extend ``static_tables.MEASURES``. To add a ranking, add its
question to :mod:`.figures` and itself to :mod:`.rankings`, and place its listing in
``page.html``. To add a kind of chart, extend ``charts.KINDS`` and draw it in
``script/page.js``. What the script is given is in ``page._figures``.
"""
