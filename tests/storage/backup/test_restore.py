"""A restored backup is the site of its moment: every row, every byte."""

from tests.storage.backup.sites import Site, read_content, read_rows


def test_restored_site_has_every_row_and_byte(site: Site) -> None:
    output = site.ok("backup")
    assert "20 objects" in output
    assert "Not encrypted: BACKUP_KEY is not set." in output
    rows, content = read_rows(site), read_content(site)
    with site.restored() as target:
        done = site.run("restore", "--into", target.url, "--content", str(target.content))
        assert done.code == 0, done
        assert read_rows(target) == rows
        assert read_content(target) == content
