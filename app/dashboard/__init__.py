"""The pages for people, under ``/dashboard``.

A page is a function of this room that fills a template. It asks the use cases of ``app/domain`` and
writes no SQL. ``pages.py`` lists every page with its path.
"""
