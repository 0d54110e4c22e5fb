"""The texts of the invented documents: press releases, abstracts, papers, filings."""
