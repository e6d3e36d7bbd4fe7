"""Who has to approve what, what exactly they sign, and who may."""
