"""The routes of the model server, a module for each kind of thing. They parse, ask a model and answer."""
