"""The screens: one view file a screen, templates/<screen>/ named alike."""
