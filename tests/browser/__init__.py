"""The dashboard in a real Chromium. Without one, none of these tests runs, and the run says so.

``axe.min.js`` is Deque's axe-core, which looks for what shuts people out. https://www.deque.com/axe/
"""
