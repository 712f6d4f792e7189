CREATE TABLE bigcommerce_products (
	id INTEGER NOT NULL, 
	instance_id BIGINT NOT NULL, 
	bigcommerce_id BIGINT NOT NULL, 
	content_hash VARCHAR(32) NOT NULL, 
	observed_at DATETIME NOT NULL, 
	change_number BIGINT NOT NULL, 
	deleted_at DATETIME, 
	notes TEXT, 
	payload TEXT NOT NULL, 
	name TEXT, 
	sku VARCHAR(255), 
	type VARCHAR(255), 
	price NUMERIC(20, 4), 
	is_visible BOOLEAN, 
	date_created DATETIME, 
	date_modified DATETIME, 
	is_only_referenced BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_bigcommerce_products_bigcommerce_id UNIQUE (instance_id, bigcommerce_id)
)
CREATE INDEX ix_bigcommerce_products_change_number ON bigcommerce_products (instance_id, change_number)
CREATE INDEX ix_bigcommerce_products_date_modified ON bigcommerce_products (instance_id, date_modified, bigcommerce_id)
CREATE INDEX ix_bigcommerce_products_sku ON bigcommerce_products (instance_id, sku, bigcommerce_id)
CREATE TABLE bigcommerce_variants (
	id INTEGER NOT NULL, 
	instance_id BIGINT NOT NULL, 
	bigcommerce_id BIGINT NOT NULL, 
	content_hash VARCHAR(32) NOT NULL, 
	observed_at DATETIME NOT NULL, 
	change_number BIGINT NOT NULL, 
	deleted_at DATETIME, 
	notes TEXT, 
	bigcommerce_product_id BIGINT NOT NULL, 
	sku VARCHAR(255), 
	sku_key VARCHAR(255), 
	price NUMERIC(20, 4), 
	inventory_level BIGINT, 
	host_product_id BIGINT, 
	link_source VARCHAR(16), 
	link_conflict TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_bigcommerce_variants_bigcommerce_id UNIQUE (instance_id, bigcommerce_id)
)
CREATE INDEX ix_bigcommerce_variants_change_number ON bigcommerce_variants (instance_id, change_number)
CREATE INDEX ix_bigcommerce_variants_host_product ON bigcommerce_variants (host_product_id, instance_id, bigcommerce_id)
CREATE INDEX ix_bigcommerce_variants_product ON bigcommerce_variants (instance_id, bigcommerce_product_id, bigcommerce_id)
CREATE INDEX ix_bigcommerce_variants_sku_key ON bigcommerce_variants (instance_id, sku_key, bigcommerce_id)
CREATE TABLE bigcommerce_orders (
	id INTEGER NOT NULL, 
	instance_id BIGINT NOT NULL, 
	bigcommerce_id BIGINT NOT NULL, 
	content_hash VARCHAR(32) NOT NULL, 
	observed_at DATETIME NOT NULL, 
	change_number BIGINT NOT NULL, 
	deleted_at DATETIME, 
	notes TEXT, 
	payload TEXT NOT NULL, 
	status_id BIGINT, 
	is_sale BOOLEAN NOT NULL, 
	is_deleted BOOLEAN NOT NULL, 
	customer_id BIGINT, 
	channel_id BIGINT, 
	payment_status VARCHAR(255), 
	external_order_id VARCHAR(255), 
	currency_code VARCHAR(255), 
	default_currency_code VARCHAR(255), 
	store_default_currency_code VARCHAR(255), 
	store_default_to_transactional_exchange_rate NUMERIC(20, 10), 
	is_tax_inclusive_pricing BOOLEAN, 
	total_ex_tax NUMERIC(20, 4), 
	total_inc_tax NUMERIC(20, 4), 
	total_tax NUMERIC(20, 4), 
	subtotal_ex_tax NUMERIC(20, 4), 
	subtotal_inc_tax NUMERIC(20, 4), 
	subtotal_tax NUMERIC(20, 4), 
	shipping_cost_ex_tax NUMERIC(20, 4), 
	shipping_cost_inc_tax NUMERIC(20, 4), 
	shipping_cost_tax NUMERIC(20, 4), 
	handling_cost_ex_tax NUMERIC(20, 4), 
	handling_cost_inc_tax NUMERIC(20, 4), 
	handling_cost_tax NUMERIC(20, 4), 
	wrapping_cost_ex_tax NUMERIC(20, 4), 
	wrapping_cost_inc_tax NUMERIC(20, 4), 
	wrapping_cost_tax NUMERIC(20, 4), 
	discount_amount NUMERIC(20, 4), 
	coupon_discount NUMERIC(20, 4), 
	store_credit_amount NUMERIC(20, 4), 
	gift_certificate_amount NUMERIC(20, 4), 
	items_total BIGINT, 
	date_created DATETIME, 
	date_modified DATETIME, 
	date_shipped DATETIME, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_bigcommerce_orders_bigcommerce_id UNIQUE (instance_id, bigcommerce_id)
)
CREATE INDEX ix_bigcommerce_orders_change_number ON bigcommerce_orders (instance_id, change_number)
CREATE INDEX ix_bigcommerce_orders_customer_id ON bigcommerce_orders (instance_id, customer_id, bigcommerce_id)
CREATE INDEX ix_bigcommerce_orders_date_created ON bigcommerce_orders (instance_id, date_created, bigcommerce_id)
CREATE INDEX ix_bigcommerce_orders_date_modified ON bigcommerce_orders (instance_id, date_modified, bigcommerce_id)
CREATE INDEX ix_bigcommerce_orders_status_id ON bigcommerce_orders (instance_id, status_id, bigcommerce_id)
CREATE TABLE bigcommerce_order_lines (
	id INTEGER NOT NULL, 
	instance_id BIGINT NOT NULL, 
	bigcommerce_id BIGINT NOT NULL, 
	content_hash VARCHAR(32) NOT NULL, 
	observed_at DATETIME NOT NULL, 
	change_number BIGINT NOT NULL, 
	deleted_at DATETIME, 
	notes TEXT, 
	payload TEXT, 
	bigcommerce_order_id BIGINT NOT NULL, 
	bigcommerce_product_id BIGINT, 
	bigcommerce_variant_id BIGINT, 
	parent_order_product_id BIGINT, 
	type VARCHAR(255), 
	sku TEXT, 
	name TEXT, 
	quantity BIGINT, 
	quantity_shipped BIGINT, 
	quantity_refunded BIGINT, 
	price_ex_tax NUMERIC(20, 4), 
	price_inc_tax NUMERIC(20, 4), 
	price_tax NUMERIC(20, 4), 
	total_ex_tax NUMERIC(20, 4), 
	total_inc_tax NUMERIC(20, 4), 
	total_tax NUMERIC(20, 4), 
	discounted_total_inc_tax NUMERIC(20, 4), 
	cost_price_ex_tax NUMERIC(20, 4), 
	PRIMARY KEY (id), 
	CONSTRAINT uq_bigcommerce_order_lines_bigcommerce_id UNIQUE (instance_id, bigcommerce_id)
)
CREATE INDEX ix_bigcommerce_order_lines_change_number ON bigcommerce_order_lines (instance_id, change_number)
CREATE INDEX ix_bigcommerce_order_lines_order ON bigcommerce_order_lines (instance_id, bigcommerce_order_id)
CREATE INDEX ix_bigcommerce_order_lines_product ON bigcommerce_order_lines (instance_id, bigcommerce_product_id)
