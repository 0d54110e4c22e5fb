"""Registry records of ClinicalTrials.gov into trials, their versions and their documents."""
