"""The magics: thin. They read a line, call an action, and hand its result to IPython."""
