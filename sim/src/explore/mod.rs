//! Every reachable state of the model, and its transition tables.
