SELECT pg_temp.refuse_loss('{"link_promotions": "true"}');

DROP FUNCTION IF EXISTS take_back_link_promotion(bigint, text, text);
DROP FUNCTION IF EXISTS promote_links(bigint, bigint, integer);
DROP FUNCTION IF EXISTS begin_link_promotion(text, text, text);
DROP FUNCTION IF EXISTS require_promotion_gate(text);
DROP TABLE IF EXISTS link_promotion_rows;
DROP TABLE IF EXISTS link_promotions;
